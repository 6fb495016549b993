"""Text: lines that programs print, and log records that they post, -> messages."""
