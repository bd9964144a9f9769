"""What `swaptalk clean` removes: data of videos that have gone, and, by a policy, what months of retraining leave behind."""
