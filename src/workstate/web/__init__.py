"""What all pages share: the frame, forms, icons and styles. Knows no app."""
