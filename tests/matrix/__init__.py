"""
Every input through every output: what a message means when it came in, and when it has arrived.

`inputs` sends real payloads to a registered input; `destinations` runs a registered output against a stand-in for its
server and reads what that got; `losses` are what a format cannot carry, in the words of the output's page.
"""
