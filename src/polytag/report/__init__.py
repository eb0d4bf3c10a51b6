"""What people look at: sheets of photos with their tags, and the report of a run."""
