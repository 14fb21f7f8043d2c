"""A data set on disk: its layout, images and tables, the journal and the locks of those who write it."""
