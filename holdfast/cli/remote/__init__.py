"""What the commands that call the service share: finding it, options, output, refusals in words."""
