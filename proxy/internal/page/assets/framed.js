// In a frame a sign-in takes a window of its own, and the frame goes on when it has ended:
// all frames of this site that wait do. A window that cannot be opened is left to the link.

const [width, height] = [480, 720];

document.querySelector("a[data-sign-in]")?.addEventListener("click", (event) => {
	if (event.ctrlKey || event.metaKey || event.shiftKey) return;
	const left = Math.round(screenX + (outerWidth - width) / 2);
	const top = Math.round(screenY + (outerHeight - height) / 2);
	const opened = open(event.currentTarget.href, "_blank", `popup,width=${width},height=${height},left=${left},top=${top}`);
	if (!opened) return;
	opened.opener = null; // what is shown there may be authentik's, or of those by whom it signs people in
	event.preventDefault();
});

// An address ends in a fragment that only the browser knows.
document.querySelector("a[data-own]").href = location.href;

new BroadcastChannel("authentik-gate").addEventListener("message", () => location.reload());
