"""Training of fracture classifiers on a data set that ``fxray build`` wrote."""
