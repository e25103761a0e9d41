"""Groups of images that must not straddle a split, such as the images of one patient.

=====================  ==================================================================
``parts``              divides groups into parts, such as folds, with balanced classes
``kinds``              groups with equal numbers of images of each class
``greedy``             assigns groups to parts one after the other
``local_search``       improves an assignment by moves and swaps
``near_duplicates``    finds near-duplicates among the images of a dataset
``merging``            merges declared groups with near-duplicates
``assignment``         sets aside a test part by group, and keeps it
``latest``             sets aside the latest images as the test part
``assignment_file``    reads and writes the file of the test part
=====================  ==================================================================
"""
