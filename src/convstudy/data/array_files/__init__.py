"""Files of arrays of images: ``.npz``, ``.npy``, IDX, records of equal size, and numbers as text.

======================  =====================================================================
:mod:`.store`           a file or folder of named arrays, and its listing
:mod:`.roles`           which arrays of a file are images and which are labels, by their names
:mod:`.labels`          labels of an array as text; how the images of an array are stored
:mod:`.parts`           the listing of arrays, part by part
:mod:`.npy`             a folder of ``.npy`` files in all number formats
:mod:`.idx`             IDX files of a user
:mod:`.records`         files of records of equal size without a header
:mod:`.number_rows`     text files in which each line is one image
:mod:`.row_reader`      reads images from such files
:mod:`.image_blocks`    images that follow each other in a file, read by position
======================  =====================================================================
"""
