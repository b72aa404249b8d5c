"""Copy all of lback's data into another database."""
