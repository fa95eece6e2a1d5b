"""The rule language and its matcher. Pure; imports nothing of this project but errors and configfile."""
