"""`holdfast sale`: what an operator does with a sale, from its creation to its report."""
