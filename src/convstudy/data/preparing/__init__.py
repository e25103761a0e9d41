"""From the images of a user to a dataset: labels, groups, parts, decoding, arrays.

===============  ======================================================================
``request``      what to prepare: the keys of ``[dataset]``
``labels``       class names and class numbers, and the problems of labels
``defaults``     image size, channels and value range, from the training images
``groups``       the groups that a pattern finds in names
``parts``        which images are training and test images
``prepare``      the steps in their order
``source``       the prepared arrays as the source of a dataset
===============  ======================================================================
"""
