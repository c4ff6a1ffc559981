"""The model in torch, written from the equations, independently of the reference."""
