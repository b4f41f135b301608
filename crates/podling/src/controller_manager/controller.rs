//! What controllers have in common: a work queue, and one worker that empties it.
//!
//! Source: `runWorker` and `processNextWorkItem`, as every controller of kube-controller-manager has them.

use std::fmt::Debug;

use crate::apiserver::{ApiServer, Component};
use crate::clock::Time;
use crate::rng::Rng;
use crate::storage::Change;

use super::queue::WorkQueue;

/// A controller: which changes concern it, and what it does about an item of its queue.
pub(crate) trait Controller: Debug + Send {
    /// What is queued; mostly the key of an object.
    type Item: Clone + Debug + Ord + Send;

    /// The name by which `kube-controller-manager --controllers` knows it; the first of several.
    fn name(&self) -> &'static str;

    /// An empty queue that waits as long as this controller does; its jitter comes from `rng`.
    fn work_queue(&self, rng: Rng) -> WorkQueue<Self::Item> {
        WorkQueue::new(rng)
    }

    /// A change was stored: queues what it causes.
    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue<Self::Item>);

    /// Does what is to be done about `item`, which was due. What failed is queued again.
    fn sync(&mut self, api: &mut ApiServer, item: &Self::Item, queue: &mut WorkQueue<Self::Item>);
}

/// A controller at work.
#[derive(Debug)]
pub(crate) struct Worker<C: Controller> {
    controller: C,
    queue: WorkQueue<C::Item>,
}

impl<C: Controller> Worker<C> {
    /// A worker with nothing to do yet. The name of the controller and `seed` make its chance, so that it hangs on no
    /// other controller.
    pub(crate) fn new(controller: C, seed: u64) -> Self {
        let queue = controller.work_queue(Rng::named(controller.name(), seed));
        Self { controller, queue }
    }
}

impl<C: Controller> Component for Worker<C> {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        self.controller.observe(change, api, &mut self.queue);
    }

    fn next_deadline(&self) -> Option<Time> {
        self.queue.next()
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        if let Some(item) = self.queue.pop(api.now()) {
            self.controller.sync(api, &item, &mut self.queue);
        }
    }
}
