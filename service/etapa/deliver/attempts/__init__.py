"""The rules of one attempt to deliver: when it is made, where it may go, how it is signed, and what its answer means."""
