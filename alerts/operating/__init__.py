"""What an operator asks of an installation: doctor, status, backup, metrics, pings and the clearing of old texts."""
