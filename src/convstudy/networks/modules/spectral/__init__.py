"""Convolutions with large kernels as products of spectra (Mathieu et al. 2013, arXiv 1312.5851).

In the frequency domain, a convolution is one product per frequency, which needs several times fewer multiplications
than a large kernel (compare Zlateski et al. 2018, arXiv 1809.07851). The transforms are matrix products with small
constant matrices: they run at the rate of matrix products, and their result has the layout that the products of spectra
need. For images of up to 32 pixels, an FFT and a copy into this layout are not faster (docs/performance.md).

=============  =====================================================================
``rule``       which convolutions are computed by spectrum: a static rule of shapes
``dft``        the matrices of the discrete Fourier transform (DFT) of real images
``tiles``      a large image as overlapping tiles
``transform``  images to spectra, and back
``products``   the products of spectra: the output of a convolution, and both gradients
``conv``       the module, and its forward and backward pass
=============  =====================================================================

A period of ``L`` rows and columns suffices, where ``L`` is the size of the input (plus half of the padding): the
convolution is circular, but no output reaches across the border. ``L`` is even, so that rows can be folded: the even
frequencies of a row are those of the sum of its halves, the odd ones those of their difference. That halves the larger
of the two transforms.

A spectrum has ``Lh · Lw`` real planes, the number of pixels of a period. The spectrum of a real image is symmetric, and
each frequency is stored once. Planes have the shape ``(a, b)``: image × channel, or channel × filter. So the product of
one frequency is a matrix product.
"""
