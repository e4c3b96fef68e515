"""The revisions, a folder for each line."""
