"""The sample newsroom: invented outlets served over real HTTP on loopback. Imports nothing of ours."""
