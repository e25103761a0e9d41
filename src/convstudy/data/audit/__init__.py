"""Checks of a dataset's images: duplicates, class counts, constant images.

=====================  =====================================================================
``perceptual_hashes``  exact and perceptual hashes of images
``duplicates``         duplicates and near-duplicates between training and test images
``fingerprints``       by which a test set is recognised in another form
``statistics``         class counts, constant images and duplicates of a dataset
``baselines``          majority class, linear model and nearest neighbours
``survey``             all that ``convstudy data show`` shows of a dataset
``fit_examples``       images cropped, padded and stretched
=====================  =====================================================================
"""
