//! One session of the backend: reader, tasks, writer, close and end of input, deadlines.
