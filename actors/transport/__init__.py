"""HTTP/1.1 to the providers over Trio, at a cost that does not grow with the calls in flight.

`opening.open_transport(config)` gives an `httpx.AsyncBaseTransport`; our own also has `send`, without httpx's objects.

    config    what may be set, with units           errors    the tree of what can go wrong
    policy    dial it? retry it? use it again?      pool      which connection serves whom: decides only
    slots     the pool's decisions, carried out     lease     a request's hold on one slot
    names     looked up in threads of their own     dial      addresses, happy eyeballs
    link      one non-blocking socket               stopwatch which deadline is next, and its name
    order     an httpx request as bytes             content   a request's body in one piece
    reply     bytes as a reply (httptools)          exchange  one request on one connection
    body      a reply at its reader's pace          coding    gzip, deflate, br, zstd, bounded
    response  a reply's head as httpx has it        transport all of these together
    foreign   httpx's own connections behind the same promises: proxies, HTTP/2, or by choice
    proxies   which proxy, if any                   opening   the transport that a configuration calls for
    base      what an account's transport is        letterhead the head that all requests to one path share
    shortage  what this machine has run out of      tls       the TLS context
    shards    httpx's connections, few to a pool
"""
