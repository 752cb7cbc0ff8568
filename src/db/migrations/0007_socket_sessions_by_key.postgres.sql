-- Room in each page for the next version of its rows, which are written anew every few seconds.
ALTER TABLE socket_sessions SET (fillfactor = 50);
