"""What a test needs to talk to a real server the way a client does, and nothing that only the server knows.

| file | role |
|---|---|
| server.py | starts and stops the program under test, runs its commands, reads its log |
| client.py | people: HTTP callers with their credentials |
| socket.py | the WebSocket protocol, frame by frame |
| sse.py | an independent reader of server-sent events |
| raw.py | bytes on a TCP connection, for what no well-behaved client would send |
| reader.py | a reader that comes back after every kind of trouble and checks each `seq` |
| postgres.py | a PostgreSQL and a PgBouncer, for the servers under test |
| limits.py | how long a test may take |
| tokens.py | an identity service of somebody else: signed tokens and a JWKS page |
"""
