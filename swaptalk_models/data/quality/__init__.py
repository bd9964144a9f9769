"""What the data stages measure of every clip, and the gates that go by it."""
