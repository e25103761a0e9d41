"""Trees of folders with image files.

======================  =====================================================================
:mod:`.class_folders`   classes and parts from the paths of a tree of folders
:mod:`.part_words`      the words that name a part: train, validation, test
:mod:`.file_kinds`      which files can be images, from their names
:mod:`.image_files`     reads image files below a folder
:mod:`.entries`         what a path contains, for its recognition
======================  =====================================================================
"""
