"""
Workers: several processes that take messages on the same ports (setting ``workers``).

The parent is the listener: it reads the configuration, binds the sockets, serves the API and everything that may be
open only once. Its workers do what costs time: they read their share of each port, decode, and write to outputs that
any number of processes may have open. They talk by a pair of Unix sockets.

Laws:

* The parent holds every socket and gives each worker its own; who takes what is decided by the kernel
  (``SO_REUSEPORT``), by the addresses and ports of both ends. A worker that dies leaves its sockets behind: what
  comes in the meantime waits in them for its successor.
* What a worker hands to the parent is acknowledged when the parent has it, safe where a buffer on disk asks for that.
  A sender's acknowledgement waits for it.
* Workers are told what to have, not what to do: a new one is told the same as its predecessor.
* When the parent is gone, a worker writes what it has and ends.
"""
