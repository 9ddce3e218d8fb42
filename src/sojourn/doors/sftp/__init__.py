"""SFTP: boxes where files arrive and leave."""
