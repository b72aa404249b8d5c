"""The files of other programs that `lback user import --from` reads, one module for each source format."""
