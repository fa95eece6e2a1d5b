"""End to end: real processes, real HTTP and SMTP on loopback."""
