// The agent on the device is asked by way of its browser extension, which listens in
// this window. Without an answer in time the visitor goes on without it.
const mark = "authentik-platform-sso";
const form = document.querySelector("form[data-challenge]");
const field = form.elements.namedItem("response");
const status = document.querySelector("[data-status]");
let sent = false;

function send() {
	if (sent) return;
	sent = true;
	form.requestSubmit();
}

addEventListener("message", (event) => {
	if (event.source !== window || event.origin !== location.origin || event.data?._ak_ext !== mark) return;
	if (typeof event.data.response !== "string") return; // our own question comes by here as well
	field.value = event.data.response;
	send();
});
status.textContent = status.dataset.status;
window.postMessage({ _ak_ext: mark, challenge: form.dataset.challenge }, location.origin);
setTimeout(send, Number(form.dataset.seconds) * 1000);
