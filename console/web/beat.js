// Says when it is time again. A worker's clock goes on in a window that nobody looks at, where the
// page's own is slowed down to once a minute: the seat would be taken for gone.

setInterval(() => postMessage(""), 3_000);
