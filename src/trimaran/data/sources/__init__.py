"""Where data comes from: named public sets, folders of images, tables and arrays."""
