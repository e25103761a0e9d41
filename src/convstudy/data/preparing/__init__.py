"""From the images of a user to a dataset: labels, groups, parts, decoding, arrays.

=============  =======================================================================
``request``    what to prepare: the keys of ``[dataset]``
``prepare``    the steps in their order
``labels``     class names and class numbers
``used``       the images that can be used, and why the others cannot
``groups``     the groups that a pattern finds in names
``defaults``   image size and channels, from the training images
``division``   groups, training images and test images
``oddities``   notes on image files that a user should look at
``summary``    what was found
``answers``    remembers the arrays that answer a request
``verify``     compares images, cache and arrays with the recorded digests
=============  =======================================================================
"""
