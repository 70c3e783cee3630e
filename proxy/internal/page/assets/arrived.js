// A sign-in has ended that a frame has begun: the frame hears of it, and the window closes.

new BroadcastChannel("authentik-gate").postMessage("signed-in");
close();
