"""Assistant: what a program that speaks the Model Context Protocol may ask a listener, and how it is answered."""
