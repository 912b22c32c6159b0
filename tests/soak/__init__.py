"""All IOCs at once, badly treated for as long as one likes: see README.md."""
