//! docs/tour.md: the code that it shows is that of the examples, and what it points at is
//! where it points.
