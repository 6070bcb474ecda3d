//! Several calls of one check.

use std::time::Duration;

use crate::model::fact::{Fact, Looked};
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::probe::{Recorder, Stop};

/// How many calls there were, and how many broke.
#[derive(Debug, Default)]
pub(super) struct Tally {
    calls: usize,
    broken: usize,
}

impl Tally {
    /// One call's end; anything but a broken layer ends the probe.
    pub(super) fn count(&mut self, result: Result<(), Stop>) -> Result<(), Stop> {
        self.calls += 1;
        match result {
            Ok(()) => Ok(()),
            Err(Stop::Broke) => {
                self.broken += 1;
                Ok(())
            }
            Err(stop) => Err(stop),
        }
    }

    pub(super) fn miss(&mut self, calls: usize) {
        self.calls += calls;
        self.broken += calls;
    }

    /// With several calls, say how many broke: one bad node of three shows as one call in three.
    pub(super) fn close(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        if self.calls <= 1 {
            return if self.broken == 0 { Ok(()) } else { Err(Stop::Broke) };
        }
        let got = format!("{} of {} calls failed", self.broken, self.calls);
        if self.broken > 0 {
            let mismatch = Mismatch { what: "calls".to_owned(), expected: "none failed".to_owned(), got };
            let fault = Fault::Mismatch { mismatches: vec![mismatch], excerpt: None };
            return Err(recorder.broke(Layer::Payload, Duration::ZERO, fault));
        }
        let values = vec![Looked { what: "calls".to_owned(), got }];
        recorder.worked(Layer::Payload, Duration::ZERO, Fact::Matched { values, excerpt: None });
        Ok(())
    }
}
