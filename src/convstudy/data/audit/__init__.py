"""What is known of a dataset's images before its scores are believed: duplicates, class counts, constant images.

==================  ==========================================================================
``fingerprints``    what identifies an image, exactly and nearly
``duplicates``      test images that are training images as well
``facts``           class counts, constant images and duplicates of a dataset
==================  ==========================================================================
"""
