"""What is known of a dataset's images before its scores are believed: duplicates, class counts, constant images.

==================  ==========================================================================
``perceptual_hashes``    what identifies an image, exactly and nearly
``duplicates``      test images that are training images as well
``statistics``           class counts, constant images and duplicates of a dataset
==================  ==========================================================================
"""
