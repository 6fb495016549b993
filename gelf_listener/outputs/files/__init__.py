"""
Files: what the ``file`` output is made of.

* `template`: which file a message belongs to, and which files belong to an output
* `names`: values of a message made safe as parts of a file name
* `directories`: directories opened without following links
* `logfile`: one open file, whole records only
* `openfiles`: the files open now, and how many there may be
* `archive`: rotated files: compressed, and deleted when their time has come
* `faults`: what went wrong, counted by kind
"""
