"""The console process: officers read the trail over HTTPS, and every read is recorded before it is answered."""
