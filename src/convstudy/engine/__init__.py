"""Train one fit: network, recipe, split and seed in; record and weights out.

========================  ====================================================================
``fit``                   one fit, from its start or its checkpoint to its record
``training``              the training loop: one step, and one epoch of eager steps
``cuda/``                 code for GPUs only: graphs, the captured loop, streams, memory
``loss``                  the training loss
``class_balance``         answers to classes of different sizes: weights, logit adjustment, sampling
``hard_images``           sampling of images with a large loss
``normalisation``         the statistics that a network's input is normalised with
``step_hyperparameters``  values that change every step, such as the learning rate
``rng_streams``           the generators of augmentation and dropout
``evaluation``            loss, accuracy and class probabilities in evaluation mode
``dead_relus``            units whose ReLU outputs 0 on every image
``batches``               the order of images in an epoch; stored pixels to network inputs
``augmentation``          random changes to a batch of training images
``averaging``             the exponential moving average (EMA) of the weights
``optimizers``            the optimizers, with epsilon where Keras has it
``orthogonalisation``     the Newton-Schulz steps of Muon
``schedules``             the learning rate of each step
``randomness``            seeds and generators, derived from the fit's seed and a purpose
``checkpoint``            the state after each epoch, saved and loaded
``weights``               weights on disk, and their digest
``test_set``              the evaluation of one trained model on the test set
``devices``               device names, and whether torch can use them
``device_lock``           a shared-exclusive lock around the capture of CUDA graphs
``settings``              torch's global settings during training
``float32``               full float32 precision, without TF32 or bfloat16
``bfloat16``              whether a device has instructions for bfloat16
``memory``                failed allocations, reported as one error type
``environment``           the machine and the versions that a fit ran on
``run_time``              estimates of how long fits take on this machine
========================  ====================================================================

Only this package trains. Importing its modules imports torch.
"""
