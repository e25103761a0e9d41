"""One fit: network, recipe, split and seed to a record and its weights.

==================  =====================================================================
``fit``             one fit from start, or from its checkpoint, to its record
``training``        the training loop: a step, and the epochs of them by plain calls
``cuda/``           what only a CUDA device needs: graphs, the captured loop, streams, memory
``hyperparameters``            what differs from step to step: the learning rate and its like
``noise``           where augmentation and dropout draw from
``evaluation``      loss, accuracy and class probabilities in evaluation mode
``dead_relus``      units whose relu is 0 for every image
``batches``         the order of images in an epoch, and images to network inputs
``augmentation``    random changes to a batch of training images
``averaging``       the moving average of the weights
``optimizers``      the optimizers, with Keras' placement of epsilon
``schedules``       the learning rate of each step
``randomness``      all random numbers, from seed and purpose
``checkpoint``      the state after each epoch, on disk and back
``weights``         weights on disk, and their digest
``test_evaluation``         one model scored on the sealed test set
``devices``         the devices that there are
``shared_lock``            many threads at once on a device, or one alone
``settings``        torch's settings while fits are trained
``float32``         float32 that torch does not shorten
``memory``          allocations that failed, as one error
``environment``     what machine and versions a fit ran on
``calibration``     how long fits will take on this machine
==================  =====================================================================

This package is the one that trains; importing its modules loads torch.
"""
