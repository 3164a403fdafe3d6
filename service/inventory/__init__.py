"""What every product contains, and contained: products, streams, uploads, components, usage, search."""
