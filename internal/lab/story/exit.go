package story

// Exit codes of the commands that tell stories.
const (
	ExitUsage       = 2
	ExitInterrupted = 130 // as a shell has it for Ctrl-C
)

// ExitError is an error with the exit code that it means.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string { return e.Err.Error() }
func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode is the code.
func (e *ExitError) ExitCode() int { return e.Code }
