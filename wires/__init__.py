"""Wire formats, sans-IO: bytes in, requests out; events in, bytes out. Owns no socket and no clock."""
