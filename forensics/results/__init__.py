"""What is said about a picture, as plain data and in words; nothing here measures anything."""
