"""Sources and sinks of media: marked test video, speech-like audio, decoders, picture comparison."""
