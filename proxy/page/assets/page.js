// What every page gains where scripts run. None of it is needed to sign in.

// An application's address may end in a fragment (#/dash/7), which browsers never
// send. They carry it along from one address to the next, but not into a form: so
// it goes with the form's address, and comes out at the application's.
for (const form of document.forms) {
	if (location.hash && form.method === "post") form.action += location.hash;
}
